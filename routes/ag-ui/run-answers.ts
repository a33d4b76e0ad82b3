import { type RunAgentInput, wireError } from '@fleetwire/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type AgUiEvent, forOldClients, PROTOCOL_VERSION } from '../../src/ag-ui/ag-ui-event.ts'
import type { FoundRun, Opened } from '../../src/ag-ui/ag-ui-runs.ts'
import { formatFrameId, parseFrameId } from '../../src/ag-ui/frame-id.ts'
import { gone, patternsOf } from '../../src/ag-ui/new-run.ts'
import { RunFold } from '../../src/ag-ui/run-fold.ts'
import { farewellOf, type RunStart, RunStream } from '../../src/ag-ui/run-stream.ts'
import { may } from '../../src/auth/permissions.ts'
import type { EventStream } from '../../src/connections/event-stream.ts'
import { sseFrame } from '../../src/frames/sse-frame.ts'
import { callerOf } from '../caller.ts'

/** Proxies and clients drop a stream that is silent for long. */
const KEEP_ALIVE_MS = 15_000
const RETRY_MS = 5000
/** How long a client may take to read the end of a stream. Cutting it off earlier may crash its whole process. */
const CLOSE_DEADLINE_MS = 60_000

const head = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

export interface Following {
  start: RunStart
  isOld: boolean
  cancelOnAbort: boolean
}

const isOld = ({ protocolVersion }: { protocolVersion?: string | null }) => typeof protocolVersion !== 'string'

/** Serves requests about runs: refusals before anything is streamed, and streams that always report how they end. */
export class RunAnswers {
  readonly #app: FastifyInstance
  /** Number of open streams by token subject. */
  readonly #open = new Map<string, number>()

  constructor(app: FastifyInstance) {
    this.#app = app
  }

  /** Serves a run's input: streams the run from the beginning, or from the position that the client gives. */
  async run(request: FastifyRequest, reply: FastifyReply, agentId: string, input: RunAgentInput, cancel = false) {
    const { principal } = request
    if (!may(principal, 'read'))
      return reply.refuse(wireError('forbidden', 'This token does not grant "read", so it cannot follow a run.'))
    if ((input.resume?.length ?? 0) > 0 && !may(principal, 'interact'))
      return reply.refuse(wireError('forbidden', 'This token does not grant "interact", so it cannot answer.'))
    const refusal = this.#noRoom(request)
    if (refusal !== undefined) return reply.refuse(refusal)
    const opened = await this.#app.agUiRuns.open(agentId, input, callerOf(request))
    switch (opened.status) {
      case 'refused':
        return reply.refuse(opened.error)
      case 'nothing':
        return this.tell(request, reply, input, opened)
      case 'run': {
        const cancelOnAbort = cancel || wantsCancel(input)
        return this.follow(request, reply, opened, { isNew: opened.isNew, isOld: isOld(input), cancelOnAbort })
      }
    }
  }

  /** Serves a client that watches a run. Continues after `Last-Event-ID`, or joins the run where it is. */
  async follow(
    request: FastifyRequest,
    reply: FastifyReply,
    found: FoundRun,
    { isNew = false, isOld: old = isOld(found.run), cancelOnAbort = false } = {},
  ) {
    const { runId } = found.run
    const last = request.headers['last-event-id'] || undefined
    const place = last === undefined ? undefined : parseFrameId(runId, String(last))
    if (last !== undefined && place === undefined)
      return reply.refuse(
        wireError('invalid_request', `Last-Event-ID is not an event id of run "${runId}": send a valid one, or none.`),
      )
    const refusal = this.#noRoom(request)
    if (refusal !== undefined) return reply.refuse(refusal)
    if (!(await this.#app.agUiRuns.isKept(found))) return reply.refuse(gone())
    const history = await found.history()
    const start = place ?? (isNew ? { n: 0 } : 'now')
    return this.#stream(request, reply, found, new RunFold(found.run, history), { start, isOld: old, cancelOnAbort })
  }

  /** Sends the contents of a thread as a run that does nothing. */
  async tell(
    request: FastifyRequest,
    reply: FastifyReply,
    input: RunAgentInput,
    { messages, state }: Extract<Opened, { status: 'nothing' }> | { messages?: undefined; state?: undefined },
  ) {
    const { threadId, runId } = input
    const events: AgUiEvent[] = [
      { type: 'RUN_STARTED', threadId, runId, protocolVersion: PROTOCOL_VERSION },
      ...(messages === undefined
        ? []
        : [
            { type: 'STATE_SNAPSHOT' as const, snapshot: state },
            { type: 'MESSAGES_SNAPSHOT' as const, messages },
          ]),
      { type: 'RUN_FINISHED', threadId, runId, outcome: { type: 'success' } },
    ]
    const out = this.#openStream(request, reply)
    for (const [i, event] of events.entries()) {
      const told = isOld(input) ? forOldClients(event) : event
      if (told !== undefined)
        out.write(sseFrame({ id: formatFrameId(runId, { n: i + 1 }), data: JSON.stringify(told) }))
    }
    out.finish()
  }

  #stream(
    request: FastifyRequest,
    reply: FastifyReply,
    { run, after }: FoundRun,
    fold: RunFold,
    { start, isOld, cancelOnAbort }: Following,
  ): void {
    const { broadcaster, commandQueue } = this.#app
    const { principal, log } = request
    const caller = callerOf(request)
    const out = this.#openStream(request, reply, {
      isOver: () => stream.isOver,
      onClose: code => {
        subscriber.close()
        if (!cancelOnAbort || stream.isOver || code !== ABANDONED) return
        commandQueue
          .interrupt(run.commandId, { ...caller, reason: 'its client disconnected' })
          .catch((err: unknown) => log.error({ err, commandId: run.commandId }, 'a run could not be interrupted'))
      },
    })
    const stream = new RunStream(fold, out, { start, isOld })
    const subscriber = broadcaster.attach(stream, principal)
    log.debug({ connectionId: out.id, sub: principal.sub, commandId: run.commandId }, 'following a run')
    subscriber
      .resume(after, patternsOf(run), ({ resumed }) => {
        if (!resumed) stream.send('resync:required')
      })
      .catch((err: unknown) => {
        log.error({ err, connectionId: out.id }, 'a run could not be read')
        out.close(1012, 'the log cannot be read', { reconnectAfterMs: 1000 })
      })
  }

  #openStream(
    request: FastifyRequest,
    reply: FastifyReply,
    { isOver = () => true, onClose = () => {} }: { isOver?(): boolean; onClose?(code: number): void } = {},
  ): EventStream {
    const { config, connections } = this.#app
    const { principal } = request
    const { sub } = principal
    reply.hijack()
    reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...head })
    // A client that resumes at the end waits for the next frame, and must know before then that the stream is open.
    reply.raw.flushHeaders()
    this.#open.set(sub, (this.#open.get(sub) ?? 0) + 1)
    const stream = connections.openStream(reply.raw, {
      principal,
      address: this.#app.addressOf(request),
      keepAliveMs: Math.min(KEEP_ALIVE_MS, config.HEARTBEAT_MS),
      cursor: this.#app.broadcaster.position,
      framing: {
        opening: '',
        closing: code => (isOver() ? undefined : farewellOf(code)),
        closeDeadlineMs: CLOSE_DEADLINE_MS,
      },
      onClose: code => {
        release()
        const left = this.#open.get(sub)! - 1
        if (left > 0) this.#open.set(sub, left)
        else this.#open.delete(sub)
        onClose(code)
      },
    })
    const release = this.#app.whileDeciding(stream)
    return stream
  }

  #noRoom({ principal }: FastifyRequest) {
    const { config, connections, refusals } = this.#app
    const limit = config.AG_UI_STREAMS_PER_PRINCIPAL
    if ((this.#open.get(principal.sub) ?? 0) < limit) return connections.refusal(principal)
    refusals.add('ag_ui_streams_per_principal')
    const message = `${limit} AG-UI streams of this token subject are open: close some first.`
    return wireError('rate_limited', message, { retryAfterMs: RETRY_MS })
  }
}

/** The peer closed the connection without a close from this server. */
const ABANDONED = 1006

/** Whether the client asks, in its body, that the run be cancelled when the client disconnects. */
function wantsCancel({ forwardedProps }: RunAgentInput): boolean {
  const props = forwardedProps as { fleetwire?: { cancelOnAbort?: unknown } | null } | null | undefined
  return typeof props === 'object' && props?.fleetwire?.cancelOnAbort === true
}
