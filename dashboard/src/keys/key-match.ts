/** What is pressed, in the words of a shortcut: `mod+k`, `shift+j`, `?`, `escape`. `mod` is ⌘ on a Mac, Ctrl elsewhere. */
export function pressed(event: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'shiftKey' | 'altKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key.toLowerCase().replace(/^arrow/, '')
  const isLetter = /^[a-z]$/.test(key)
  return [
    (event.metaKey || event.ctrlKey) && 'mod+',
    event.altKey && 'alt+',
    // `?` and `:` need Shift on many keyboards and say so themselves.
    event.shiftKey && (isLetter || event.key.length > 1) && 'shift+',
    key,
  ]
    .filter(Boolean)
    .join('')
}

export interface Matched {
  /** The shortcut whose keys are complete. */
  match?: string
  /** What was pressed of longer ones: `g` of `g f`. */
  pending: string
}

/** One more key of a sequence. Keys of a sequence are separated by spaces: `g f`. */
export function nextKey(pending: string, key: string, shortcuts: readonly string[]): Matched {
  const sequence = pending === '' ? key : `${pending} ${key}`
  if (shortcuts.includes(sequence)) return { match: sequence, pending: '' }
  if (shortcuts.some(keys => keys.startsWith(`${sequence} `))) return { pending: sequence }
  // A sequence that leads nowhere: the key begins anew.
  return pending === '' ? { pending: '' } : nextKey('', key, shortcuts)
}

/** How it is written for people: `⌘K`, `⇧J`, `G F`. */
export function keyNames(keys: string, isMac: boolean): string {
  const names: Record<string, string> = {
    escape: 'Esc',
    enter: 'Enter',
    up: '↑',
    down: '↓',
    left: '←',
    right: '→',
  }
  return keys
    .split(' ')
    .map(part => {
      const words = part === '+' ? ['+'] : part.split('+')
      const key = words.at(-1)!
      const before = words.slice(0, -1).map(word => {
        if (word === 'mod') return isMac ? '⌘' : 'Ctrl+'
        if (word === 'shift') return '⇧'
        return isMac ? '⌥' : 'Alt+'
      })
      return before.join('') + (names[key] ?? key.toUpperCase())
    })
    .join(' ')
}
