/**
 * The frames of a text message, one a line: JSON has no raw line feed, so this is never ambiguous. Empty lines are none;
 * a carriage return at the end of a line is white space to JSON.
 */
export function frameLines(message: string): string[] {
  if (!message.includes('\n')) return [message]
  return message.split('\n').filter(line => line.trim() !== '')
}
