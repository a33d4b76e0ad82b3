/** A stream for the process log that keeps everything written. */
export class Capture {
  text = ''

  write(line: string): void {
    this.text += line
  }
}
