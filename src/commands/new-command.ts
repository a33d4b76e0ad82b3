import { type Command, type WireError, wireError } from '@fleetwire/protocol'
import { newId } from '../ids.ts'
import { valueFlaw } from '../value-flaw.ts'
import type { SubmitRequest } from './command-types.ts'

const MAX_INPUT_BYTES = 64 * 1024
const DEFAULT_QUEUE_TTL_MS = 24 * 60 * 60_000

/** Why this cannot be the input of a command. */
export function inputFlaw(input: unknown): WireError | undefined {
  const flaw = valueFlaw('input', input)
  if (flaw !== undefined) return flaw
  const text = JSON.stringify(input ?? null)
  const bytes = Buffer.byteLength(text)
  return bytes <= MAX_INPUT_BYTES
    ? undefined
    : wireError('too_large', `input: ${bytes} bytes; at most ${MAX_INPUT_BYTES}.`)
}

/** `runTimeoutMs`: the agent's own, for a request without one. */
export function newCommand(request: SubmitRequest, runTimeoutMs: number, now: number): Command {
  const { agentId, kind, input, sessionId, taskId, idempotencyKey, createdBy, retryOf, parentId } = request
  return {
    commandId: newId('cmd'),
    agentId,
    kind,
    input,
    ...(sessionId !== undefined && { sessionId }),
    ...(taskId !== undefined && { taskId }),
    status: 'queued',
    attempt: 0,
    priority: request.priority ?? 0,
    whenBusy: request.whenBusy ?? 'enqueue',
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    createdBy,
    createdAt: now,
    queueTtlMs: request.queueTtlMs ?? DEFAULT_QUEUE_TTL_MS,
    runTimeoutMs: request.runTimeoutMs ?? runTimeoutMs,
    onLost: request.onLost ?? 'fail',
    ...(request.stdio !== undefined && { stdio: request.stdio }),
    ...(retryOf !== undefined && { retryOf }),
    ...(parentId !== undefined && { parentId }),
  }
}

/** The request that submits the same command again. */
export function retryOf(command: Command, createdBy: string): SubmitRequest {
  const { commandId, agentId, kind, input, priority, whenBusy, onLost, queueTtlMs, runTimeoutMs } = command
  const { sessionId, taskId, parentId, stdio } = command
  return {
    ...{ agentId, kind, input, priority, whenBusy, onLost, queueTtlMs, runTimeoutMs, createdBy, retryOf: commandId },
    ...(sessionId !== undefined && { sessionId }),
    ...(taskId !== undefined && { taskId }),
    ...(parentId !== undefined && { parentId }),
    ...(stdio !== undefined && { stdio }),
  }
}
