const PASTE_BEGIN = '\x1b[200~'
const PASTE_END = '\x1b[201~'

/**
 * What a terminal sends when this text is pasted: line ends as CR, in brackets if the program has enabled them
 * (`CSI ? 2004 h`). A program cannot distinguish keys from text, so control characters other than tabs are replaced by
 * their pictures. So no text can end its own brackets or press a key.
 */
export function pasted(text: string, { bracketed }: { bracketed: boolean }): string {
  const typed = text
    .replace(/\r\n?|\n/g, '\r')
    .replace(/\r$/, '')
    .replace(/[^\r\t\P{Cc}]/gu, pictureOf)
  return bracketed ? PASTE_BEGIN + typed + PASTE_END : typed
}

/** U+2400 … U+2421 are the pictures of C0 and DEL. C1 has none. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}

/** The text of a prompt: a string, or an object with a `text`. Undefined if there is nothing to type. */
export function promptText(input: unknown): string | undefined {
  const text = typeof input === 'object' && input !== null && 'text' in input ? input.text : input
  return typeof text === 'string' && text.trim() !== '' ? text : undefined
}
