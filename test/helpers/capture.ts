/** A stream for the process log that keeps what is written. */
export class Capture {
  text = ''

  write(line: string): void {
    this.text += line
  }
}
