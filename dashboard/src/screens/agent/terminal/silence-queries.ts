import type { Terminal } from '@xterm/xterm'

/**
 * Ignores terminal queries of the program. This screen is one of many, and each would type its own response; the server
 * answers each query once.
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
  // Colours may be set but not queried.
  for (const code of [4, 10, 11, 12]) parser.registerOscHandler(code, data => data.includes('?'))
}
