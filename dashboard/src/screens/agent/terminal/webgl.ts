import type { Terminal } from '@xterm/xterm'

/** Browsers allow few contexts and take the oldest away: one terminal of a page has one. */
let isTaken = false

/**
 * Draws by WebGL where it works, which is faster and draws boxes without gaps. If the context is lost, the terminal goes
 * on with its DOM renderer. Returns a function that gives the context back.
 */
export async function drawByWebgl(terminal: Terminal): Promise<() => void> {
  if (isTaken || !hasWebgl()) return () => {}
  isTaken = true
  const { WebglAddon } = await import('@xterm/addon-webgl')
  const addon = new WebglAddon()
  let isOver = false
  const release = () => {
    if (isOver) return
    isOver = true
    isTaken = false
    // Disposing alone keeps the context until it is collected.
    const contexts = [...(terminal.element?.querySelectorAll('canvas') ?? [])].map(canvas =>
      canvas.getContext('webgl2'),
    )
    addon.dispose()
    for (const context of contexts) context?.getExtension('WEBGL_lose_context')?.loseContext()
  }
  addon.onContextLoss(release)
  try {
    terminal.loadAddon(addon)
  } catch {
    release()
  }
  return release
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
