/** Text for kinds that take text; for an agent's own kinds, parsed JSON if it is a JSON object or array. */
export function inputOf(kind: string, text: string): unknown {
  if (kind === 'shell' || kind === 'prompt' || !/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const BUILT_IN_KINDS = ['shell', 'prompt'] as const

export const kindLabel = (kind: string): string => (kind === '' ? kind : kind[0]!.toUpperCase() + kind.slice(1))
