/**
 * Extracts the answer to a prompt from everything shown since it was typed: without the echo of the prompt, and without
 * the invitation to the next prompt if it is the same as before.
 *
 * @param shown the lines shown, starting with the one that the prompt was typed on
 * @param invitation the text on that line before the prompt, such as `>>> `
 */
export function answerText(shown: string, { prompt, invitation }: { prompt: string; invitation: string }): string {
  const lines = shown.split('\n')
  const typed = prompt.trimEnd().split(/\r\n?|\n/)
  // Each line of the prompt is echoed once, possibly after the interpreter's own prompt.
  while (lines.length > 0 && typed.length > 0 && isEcho(lines[0]!, typed[0]!)) {
    lines.shift()
    typed.shift()
  }
  const mark = invitation.trimEnd()
  while (lines.length > 0 && (lines.at(-1) === '' || (mark !== '' && lines.at(-1)!.trimEnd() === mark))) lines.pop()
  return lines.join('\n')
}

const isEcho = (line: string, typed: string): boolean => line.trimEnd().endsWith(typed.trimEnd())
