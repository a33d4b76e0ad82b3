/**
 * Invisible characters: control characters, bidirectional marks, zero-width spaces, tags. The joiners of emoji and of
 * some scripts (U+200C, U+200D) stay as they are.
 */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the regex looks for them
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu

/**
 * Writes invisible characters out, as `⟨U+202E⟩`. For texts of agents that a user decides by: nobody must allow a
 * command by mistake because it reads like another one (“Trojan Source”).
 */
export const visibleText = (text: string): string =>
  text.replace(UNSEEN, char => `⟨U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`)
