/**
 * Splits a text message into its frames, one a line. JSON has no raw line feed, so this is never ambiguous. Empty lines
 * are no frames, and a carriage return at the end of a line is white space to JSON.
 */
export function frameLines(message: string): string[] {
  if (!message.includes('\n')) return [message]
  return message.split('\n').filter(line => line.trim() !== '')
}
