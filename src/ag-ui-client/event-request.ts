import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Clock, Timer } from '../clock.ts'
import { AgentFault } from './agent-fault.ts'

export interface RequestLimits {
  /** How long the agent may take to start its response. */
  answerMs: number
  /** How long a response may be silent. */
  idleMs: number
  /** The maximum size of a response: all of it is kept until its run has ended. */
  maxBytes: number
}

export interface EventRequestOptions {
  clock: Clock
  limits: RequestLimits
  headers: Readonly<Record<string, string>>
  /** Called once if the response breaks off before its end. */
  onBreak(fault: AgentFault): void
}

/** How much of an error response is read. */
const MAX_ERROR_BYTES = 64 * 1024
/** How much of an error response is shown. */
const MAX_ERROR_CHARS = 500
const CARRIAGE_RETURN = 13

/**
 * Posts a run and resolves with the streaming response. Rejects with an AgentFault if there is no event stream.
 *
 * The response body ends and never errors: a body that errors while the AG-UI client reads it crashes this process.
 * Unlike `fetch`, it allows silences of more than five minutes and follows no redirects, which would take the headers,
 * and the secrets in them, to another host.
 */
export async function requestEvents(url: string, init: RequestInit, options: EventRequestOptions): Promise<Response> {
  const { signal } = init
  const answer = await begin(new URL(url), init, options)
  const { statusCode = 0, headers } = answer
  if (statusCode !== 200) throw await refusalOf(answer, url)
  const { 'content-encoding': encoding = 'identity', 'content-type': type } = headers
  if (encoding !== 'identity') {
    answer.destroy()
    throw new AgentFault(
      'not_ag_ui',
      `${placeOf(url)} answered with the encoding ${encoding}, which was not requested.`,
    )
  }
  if (type !== undefined && !/^text\/(event-stream|plain)\b/i.test(type)) {
    const text = await textOf(answer)
    const said = text === '' ? '' : ` It says: ${short(text)}`
    const asked = 'is this the address of an AG-UI agent?'
    throw new AgentFault('not_ag_ui', `${placeOf(url)} answered ${type} instead of text/event-stream: ${asked}${said}`)
  }
  return new Response(bodyOf(answer, signal ?? undefined, options), {
    headers: { 'content-type': 'text/event-stream' },
  })
}

/** The URL without parts that may be secret. */
export function placeOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

function begin(url: URL, init: RequestInit, { clock, limits, headers }: EventRequestOptions): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const body = Buffer.from(init.body as string)
  return new Promise((resolve, reject) => {
    const request: ClientRequest = send(url, {
      method: 'POST',
      // A kept-alive connection may be closed by the peer just as the next run is written to it.
      agent: false,
      headers: { ...headers, ...(init.headers as Record<string, string>), 'content-length': body.length },
      ...(init.signal && { signal: init.signal }),
    })
    const deadline = clock.setTimeout(() => {
      const seconds = limits.answerMs / 1000
      request.destroy(new AgentFault('no_answer', `${placeOf(url.href)} did not answer within ${seconds} s`))
    }, limits.answerMs)
    request.on('response', answer => {
      deadline.cancel()
      resolve(answer)
    })
    // Errors after the response has started have no effect here; the reader of the response gets them too.
    request.on('error', error => {
      deadline.cancel()
      reject(error instanceof AgentFault ? error : unreachable(url, error))
    })
    request.end(body)
  })
}

function unreachable(url: URL, error: NodeJS.ErrnoException): AgentFault {
  const why = error.message || error.code || 'no connection'
  return new AgentFault('unreachable', `Cannot connect to ${placeOf(url.href)}: ${why}`)
}

async function refusalOf(answer: IncomingMessage, url: string): Promise<AgentFault> {
  const { statusCode = 0, headers } = answer
  const { location } = headers
  const code = `http_${statusCode}`
  if (statusCode >= 300 && statusCode < 400 && location !== undefined) {
    answer.destroy()
    const to = URL.canParse(location, url) ? placeOf(new URL(location, url).href) : location
    return new AgentFault(
      code,
      `${placeOf(url)} redirects to ${to}: use that address, since redirects are not followed`,
    )
  }
  const text = await textOf(answer)
  return new AgentFault(code, `${placeOf(url)} answered HTTP ${statusCode}${text && `: ${short(text)}`}`)
}

const short = (text: string): string => (text.length > MAX_ERROR_CHARS ? `${text.slice(0, MAX_ERROR_CHARS)} …` : text)

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ERROR_BYTES) break
    }
  } catch {
    // The part that arrived is good enough.
  }
  return Buffer.concat(chunks).toString().trim()
}

function bodyOf(
  answer: IncomingMessage,
  signal: AbortSignal | undefined,
  { clock, limits, onBreak }: EventRequestOptions,
): ReadableStream<Uint8Array> {
  let silence: Timer | undefined
  let broken: AgentFault | undefined
  let hasEnded = false
  let bytes = 0
  const listen = () => {
    silence?.cancel()
    silence = clock.setTimeout(() => {
      broken = new AgentFault('silent', `The agent said nothing for ${limits.idleMs / 1000} s.`)
      answer.destroy()
    }, limits.idleMs)
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      listen()
      const end = (fault?: AgentFault) => {
        if (hasEnded) return
        hasEnded = true
        silence?.cancel()
        if (fault !== undefined && !signal?.aborted) onBreak(fault)
        controller.close()
      }
      answer.on('data', (chunk: Buffer) => {
        listen()
        bytes += chunk.length
        if (bytes > limits.maxBytes && broken === undefined) {
          broken = new AgentFault('too_long', `The answer is longer than ${limits.maxBytes} bytes.`)
          answer.destroy()
        }
        if (hasEnded || broken !== undefined) return
        // The AG-UI client cannot parse lines that end with CR LF, which some frameworks send.
        controller.enqueue(chunk.includes(CARRIAGE_RETURN) ? chunk.filter(byte => byte !== CARRIAGE_RETURN) : chunk)
        if ((controller.desiredSize ?? 1) <= 0) answer.pause()
      })
      answer.on('end', () => end())
      answer.on('error', error => end(broken ?? cut(error)))
      answer.on('close', () => end(broken ?? cut(undefined)))
    },
    pull: () => void answer.resume(),
    cancel() {
      hasEnded = true
      silence?.cancel()
      answer.destroy()
    },
  })
}

const cut = (error: Error | undefined): AgentFault =>
  new AgentFault('cut', `The connection was lost in the middle of the response${error ? `: ${error.message}` : ''}.`)
