import type { RequestResult } from '@fleetwire/client'

/** Requests under way at once; what is typed meanwhile goes with the next one. */
const IN_FLIGHT = 4
/** Far below the frame limit, even when every character takes six bytes in JSON. */
const PART_LENGTH = 16 * 1024

/** Sends what is typed, in order: each key at once, but a pasted book or a moving mouse in few requests. */
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
      // The rest would be typed into the middle of nowhere.
      this.#waiting = ''
      this.#onRefused(result.error)
    }
    this.#pump()
  }
}

/** Never through the middle of a surrogate pair. */
function cut(text: string): string {
  if (text.length <= PART_LENGTH) return text
  const last = text.charCodeAt(PART_LENGTH - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? PART_LENGTH - 1 : PART_LENGTH)
}
