/**
 * Splits a text message into its frames, one per line. JSON has no raw line feed, so this is unambiguous. Empty lines
 * are skipped, and a carriage return at the end of a line is white space in JSON.
 */
export function frameLines(message: string): string[] {
  if (!message.includes('\n')) return [message]
  return message.split('\n').filter(line => line.trim() !== '')
}
