import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import { type AddressPolicy, lookupRefusal } from '../address-policy.ts'
import type { Clock } from '../clock.ts'
import { retryAfterMs } from './backoff.ts'
import { DeliverySlots } from './delivery-slots.ts'
import type { Sent } from './delivery-state.ts'
import type { WebhookRequest, WebhookSender } from './webhook-sender.ts'
import { addressIn, schemeOf, urlFlaw } from './webhook-url.ts'

export interface HttpSenderOptions {
  policy: AddressPolicy
  clock: Clock
  timeoutMs: number
  /** Sent in the `user-agent` header. */
  version: string
  /** Resolves a name to all of its addresses. Default: the system's resolver. */
  resolve?: Resolve
}

export type Resolve = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** How much of a response body is read, and how many characters of it the delivery log keeps. */
const MAX_READ_BYTES = 16 * 1024
const MAX_KEPT = 500
/** How long to wait for the body once the status is known. */
const BODY_MS = 2000
const MAX_HEADER_BYTES = 16 * 1024

const resolveBySystem: Resolve = (hostname, done) =>
  systemLookup(hostname, { all: true }, (error, addresses) => done(error, addresses ?? []))

/** Idle connections per receiver, and how long they are kept. */
const KEPT_CONNECTIONS = { keepAlive: true, maxFreeSockets: 2, timeout: 30_000 }
/** Concurrent lookups: most of the four threads that Node uses for them. */
const LOOKUPS = 3
const MAX_UNRESOLVED = 1000

class Forbidden extends Error {}

/**
 * Sends over HTTP. A name is resolved once per connection, the resulting addresses are checked, and the connection goes
 * to a checked address. A redirect counts as a failure like any other non-2xx status.
 */
export class HttpSender implements WebhookSender {
  readonly #options: HttpSenderOptions
  readonly #agents = {
    http: new http.Agent(KEPT_CONNECTIONS),
    https: new https.Agent(KEPT_CONNECTIONS),
  }

  /**
   * The system resolves few names at once, in the same threads that read files. A lookup that fails is slow, so failing
   * names must not occupy all threads.
   */
  readonly #lookups = new DeliverySlots(LOOKUPS)
  readonly #unresolved = new Set<string>()

  constructor(options: HttpSenderOptions) {
    this.#options = options
  }

  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  async urlFlaw(text: string): Promise<string | undefined> {
    const { policy, clock, timeoutMs } = this.#options
    const flaw = urlFlaw(text, policy)
    if (flaw !== undefined) return flaw
    const url = new URL(text)
    if (addressIn(url) !== undefined) return undefined
    // A name that cannot be resolved now may be resolvable later. The addresses are checked again on each delivery.
    const addresses = await new Promise<LookupAddress[]>(done => {
      const timer = clock.setTimeout(() => done([]), timeoutMs)
      this.#resolve(url.hostname, (error, found) => {
        timer.cancel()
        done(error === null ? found : [])
      })
    })
    const refusal = lookupRefusal(policy, addresses, schemeOf(url))
    return refusal === undefined ? undefined : `leads to an address that is not allowed: ${refusal}.`
  }

  async send(request: WebhookRequest, aborted: AbortSignal): Promise<Sent> {
    const { policy, clock } = this.#options
    const [at, from] = [clock.now(), clock.monotonic()]
    const took = () => ({ at, durationMs: clock.monotonic() - from })
    const flaw = urlFlaw(request.url, policy)
    if (flaw !== undefined) return { ok: false, error: `The URL ${flaw}`, ...took() }
    try {
      const answer = await this.#attempt(request, aborted)
      return { ...judge(answer, clock.now()), ...took() }
    } catch (error) {
      return { ok: false, error: reasonOf(error as NodeJS.ErrnoException), ...took() }
    }
  }

  /** If the receiver closes a kept-alive connection just then, the request is sent again on another one. */
  async #attempt(request: WebhookRequest, aborted: AbortSignal): Promise<Answer> {
    for (;;) {
      const answer = await this.#exchange(request, aborted)
      if (answer !== 'stale') return answer
    }
  }

  #exchange({ url: text, headers, body }: WebhookRequest, aborted: AbortSignal): Promise<Answer | 'stale'> {
    const { clock, timeoutMs, version } = this.#options
    const url = new URL(text)
    const scheme = schemeOf(url)
    return new Promise((resolve, reject) => {
      const request = (scheme === 'http' ? http : https).request(url, {
        method: 'POST',
        agent: this.#agents[scheme],
        lookup: this.#lookup(scheme),
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(body),
          'user-agent': `Fleetwire/${version}`,
          ...headers,
        },
      })
      const give = (error: Error) => request.destroy(error)
      const giveUp = () => give(new Error('aborted: the server is stopping, or the webhook was changed'))
      const timer = clock.setTimeout(() => give(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      const settled = () => {
        timer.cancel()
        aborted.removeEventListener('abort', giveUp)
      }
      aborted.addEventListener('abort', giveUp)
      if (aborted.aborted) giveUp()
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (request.reusedSocket && error.code === 'ECONNRESET' && !aborted.aborted) resolve('stale')
        else reject(error)
      })
      let isAnswered = false
      request.on('close', () => {
        settled()
        if (!isAnswered) reject(new Error('the connection was closed without an answer'))
      })
      request.on('response', response => {
        isAnswered = true
        settled()
        const { statusCode = 0, headers } = response
        void beginningOf(response, clock).then(text =>
          resolve({ statusCode, text, retryAfter: headers['retry-after'] }),
        )
      })
      request.end(body)
    })
  }

  #resolve: Resolve = async (hostname, done) => {
    const { resolve = resolveBySystem } = this.#options
    const release = await this.#lookups.take(this.#unresolved.has(hostname))
    resolve(hostname, (error, addresses) => {
      release()
      if (error === null) this.#unresolved.delete(hostname)
      else if (this.#unresolved.size < MAX_UNRESOLVED) this.#unresolved.add(hostname)
      done(error, addresses)
    })
  }

  #lookup(scheme: 'http' | 'https'): LookupFunction {
    const { policy } = this.#options
    return (hostname, options, done) =>
      this.#resolve(hostname, (error, addresses) => {
        const refusal = error === null ? lookupRefusal(policy, addresses, scheme) : undefined
        const [first] = addresses
        if (error !== null) done(error, '')
        else if (first === undefined) done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '')
        else if (refusal !== undefined)
          done(new Forbidden(`${hostname} leads to an address that is not allowed: ${refusal}`), '')
        else if (options.all) done(null, addresses)
        else done(null, first.address, first.family)
      })
  }
}

interface Answer {
  statusCode: number
  text: string
  retryAfter: string | undefined
}

type Judged = Pick<Sent, 'statusCode' | 'response'> &
  ({ ok: true } | { ok: false; error: string; retryAfterMs?: number; isGone?: boolean })

function judge({ statusCode, text, retryAfter }: Answer, now: number): Judged {
  const common = { statusCode, ...(text !== '' && { response: text }) }
  if (statusCode >= 200 && statusCode < 300) return { ok: true, ...common }
  if (statusCode === 410)
    return { ok: false, isGone: true, error: 'the receiver answered 410: it wants no more events', ...common }
  const isRedirect = statusCode >= 300 && statusCode < 400
  const waitMs = retryAfterMs(retryAfter, now)
  const error = isRedirect
    ? `the receiver answered ${statusCode}: redirects are not followed, so set the URL that it redirects to`
    : `the receiver answered ${statusCode}`
  return { ok: false, error, ...common, ...(waitMs !== undefined && { retryAfterMs: waitMs }) }
}

/** Reads a body as far as needed. If a receiver sends more, or never ends, its connection is closed. */
function beginningOf(response: http.IncomingMessage, clock: Clock): Promise<string> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    const end = () => {
      timer.cancel()
      if (!response.complete) response.destroy()
      resolve(readable(Buffer.concat(chunks)))
    }
    const timer = clock.setTimeout(end, BODY_MS)
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes >= MAX_READ_BYTES) end()
    })
    response.on('end', end)
    response.on('close', end)
    response.on('error', end)
  })
}

const readable = (body: Buffer): string =>
  body
    .toString()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MAX_KEPT)

function reasonOf({ code, message, cause }: NodeJS.ErrnoException): string {
  const said = message || (cause as Error | undefined)?.message || 'the request failed'
  return code === undefined || said.includes(code) ? said : `${said} (${code})`
}
