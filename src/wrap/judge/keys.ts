/** The keys that rules may name, and what a terminal sends for each. */
export const keys = {
  enter: '\r',
  'shift-enter': '\x1b[13;2u',
  'alt-enter': '\x1b\r',
  newline: '\n',
  escape: '\x1b',
  tab: '\t',
  space: ' ',
  backspace: '\x7f',
  'ctrl-c': '\x03',
  'ctrl-d': '\x04',
  'ctrl-j': '\n',
  'ctrl-u': '\x15',
  'ctrl-x': '\x18',
  'ctrl-z': '\x1a',
  'ctrl-\\': '\x1c',
} as const
export type Key = keyof typeof keys
