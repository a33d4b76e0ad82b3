import type { Terminal } from '@xterm/xterm'

/** Browsers allow few WebGL contexts and drop the oldest, so only one terminal of a page uses one. */
let isTaken = false

export interface WebglPort {
  terminal: Terminal
  /** Runs `act`, and makes the styles it creates comply with the page's policy. */
  draw(act: () => void): void
  isOver(): boolean
}

/**
 * Renders with WebGL if available: it is faster and draws boxes without gaps. If the context is lost, the terminal
 * falls back to its DOM renderer. Returns a function to call just before the terminal is disposed of. That returns a
 * function to call afterwards, which releases the context.
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
    // Disposing the addon recreates the DOM renderer.
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

/** Software renderers, which are slower than the DOM renderer. */
const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i

function hasWebgl(): boolean {
  const context = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  if (context === null) return false
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const name = info === null ? '' : String(context.getParameter(info.UNMASKED_RENDERER_WEBGL))
  context.getExtension('WEBGL_lose_context')?.loseContext()
  return !SOFTWARE.test(name)
}
