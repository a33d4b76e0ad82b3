/**
 * What a prompt made appear, of all that is shown since it was typed: without the echo of the prompt itself, and without
 * the line that invites the next one where it is the one that stood there before.
 *
 * @param shown the lines from the one that the prompt was typed on
 * @param invitation what stood on that line before, such as `>>> `
 */
export function answerText(shown: string, { prompt, invitation }: { prompt: string; invitation: string }): string {
  const lines = shown.split('\n')
  const typed = prompt.trimEnd().split(/\r\n?|\n/)
  // Each line of the prompt is echoed once; an interpreter puts its own mark before it.
  while (lines.length > 0 && typed.length > 0 && isEcho(lines[0]!, typed[0]!)) {
    lines.shift()
    typed.shift()
  }
  const mark = invitation.trimEnd()
  while (lines.length > 0 && (lines.at(-1) === '' || (mark !== '' && lines.at(-1)!.trimEnd() === mark))) lines.pop()
  return lines.join('\n')
}

const isEcho = (line: string, typed: string): boolean => line.trimEnd().endsWith(typed.trimEnd())
