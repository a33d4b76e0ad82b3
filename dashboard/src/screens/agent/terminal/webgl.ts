import type { Terminal } from '@xterm/xterm'

/** Browsers allow few contexts and take the oldest away: one terminal of a page has one. */
let isTaken = false

export interface WebglPort {
  terminal: Terminal
  /** Makes what the terminal draws in it obey the page's policy. */
  draw(act: () => void): void
  isOver(): boolean
}

/**
 * Draws by WebGL where it works, which is faster and draws boxes without gaps. If the context is lost, the terminal goes
 * on with its DOM renderer. Returns a function to be called just before the terminal is disposed of; what that returns
 * gives the context back, after it.
 */
export async function drawByWebgl({ terminal, draw, isOver }: WebglPort): Promise<() => () => void> {
  if (isTaken || !hasWebgl()) return () => () => {}
  isTaken = true
  let isHeld = true
  const release = () => {
    if (isHeld) isTaken = false
    isHeld = false
  }
  const { WebglAddon } = await import('@xterm/addon-webgl')
  const addon = new WebglAddon()
  addon.onContextLoss(() => {
    release()
    // The DOM renderer is made anew.
    draw(() => addon.dispose())
  })
  try {
    if (isOver()) release()
    else terminal.loadAddon(addon)
  } catch {
    release()
    draw(() => addon.dispose())
  }
  return () => {
    // Disposing alone keeps the context until it is collected.
    const canvases = isHeld ? [...(terminal.element?.querySelectorAll('canvas') ?? [])] : []
    return () => {
      for (const canvas of canvases) canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext()
      release()
    }
  }
}

/** Of a processor that only imitates a graphics card, which draws slower than the DOM does. */
const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i

function hasWebgl(): boolean {
  const context = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  if (context === null) return false
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const name = info === null ? '' : String(context.getParameter(info.UNMASKED_RENDERER_WEBGL))
  context.getExtension('WEBGL_lose_context')?.loseContext()
  return !SOFTWARE.test(name)
}
