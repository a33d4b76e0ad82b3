import type { Terminal } from '@xterm/xterm'

/**
 * Takes out every query of a program: this screen is one of many, and each would type an answer of its own. The server
 * answers them once.
 */
export function silenceQueries({ parser }: Terminal): void {
  const swallow = () => true
  parser.registerCsiHandler({ final: 'c' }, swallow)
  parser.registerCsiHandler({ prefix: '>', final: 'c' }, swallow)
  parser.registerCsiHandler({ prefix: '=', final: 'c' }, swallow)
  parser.registerCsiHandler({ final: 'n' }, swallow)
  parser.registerCsiHandler({ prefix: '?', final: 'n' }, swallow)
  parser.registerCsiHandler({ intermediates: '$', final: 'p' }, swallow)
  parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, swallow)
  parser.registerCsiHandler({ prefix: '>', final: 'q' }, swallow)
  parser.registerDcsHandler({ intermediates: '$', final: 'q' }, swallow)
  // Colours may be set, and not asked for.
  for (const code of [4, 10, 11, 12]) parser.registerOscHandler(code, data => data.includes('?'))
}
