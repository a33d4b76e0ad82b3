import type { RequestResult } from '@fleetwire/client'

/** Maximum concurrent requests; input typed while all are in flight goes with the next one. */
const IN_FLIGHT = 4
/** Far below the frame limit, even when every character takes six bytes in JSON. */
const PART_LENGTH = 16 * 1024

/** Sends input in order: single keys at once, but a pasted book or mouse movements in few requests. */
export class InputSender {
  readonly #send: (data: string) => Promise<RequestResult>
  readonly #onRefused: (error: { code: string; message: string }) => void
  #waiting = ''
  #inFlight = 0

  constructor(
    send: (data: string) => Promise<RequestResult>,
    onRefused: (error: { code: string; message: string }) => void,
  ) {
    this.#send = send
    this.#onRefused = onRefused
  }

  push(data: string): void {
    this.#waiting += data
    this.#pump()
  }

  #pump(): void {
    while (this.#waiting !== '' && this.#inFlight < IN_FLIGHT) {
      const part = cut(this.#waiting)
      this.#waiting = this.#waiting.slice(part.length)
      this.#inFlight++
      void this.#send(part).then(result => this.#answered(result))
    }
  }

  #answered(result: RequestResult): void {
    this.#inFlight--
    if (!result.ok) {
      // Drop the rest: the input before it is missing.
      this.#waiting = ''
      this.#onRefused(result.error)
    }
    this.#pump()
  }
}

/** The first part of a text; never splits a surrogate pair. */
function cut(text: string): string {
  if (text.length <= PART_LENGTH) return text
  const last = text.charCodeAt(PART_LENGTH - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? PART_LENGTH - 1 : PART_LENGTH)
}
