import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AGUIEvent, RunAgentInput } from '@ag-ui/client'
import type { Test } from 'tap'
import { Notes } from './notes.ts'

/** Any event, as a badly written agent may send it. */
export type AnyEvent = { type: string; [name: string]: unknown }

/** One run, from the agent's side. */
export interface AgentTurn {
  input: RunAgentInput
  headers: IncomingHttpHeaders
  response: ServerResponse
  /** Sends events; the response head is sent with the first. */
  send(...events: AnyEvent[]): void
  /** Sends RUN_STARTED for this run. */
  start(): void
  /** Sends a whole assistant message, in pieces. */
  say(messageId: string, ...pieces: string[]): void
  /** Sends RUN_FINISHED and ends the response. */
  finish(more?: object): void
  /** Ends the response without an event. */
  end(): void
  /** Cuts the connection in the middle of the response. */
  cut(): void
  /** Resolves when the other side closes the connection. */
  closed: Promise<void>
}

export interface AgUiAgent {
  url: string
  /** The inputs that were posted, in order. */
  inputs: Notes<RunAgentInput>
  /** The requests received so far. */
  turns: AgentTurn[]
}

/** An AG-UI agent over HTTP that follows the script. A response stays open until the script ends it. */
export async function startAgUiAgent(t: Test, script: (turn: AgentTurn, n: number) => unknown): Promise<AgUiAgent> {
  const inputs = new Notes<RunAgentInput>()
  const turns: AgentTurn[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const input = JSON.parse(Buffer.concat(chunks).toString()) as RunAgentInput
    const { threadId, runId } = input
    const head = () => response.headersSent || response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send: AgentTurn['send'] = (...events) => {
      head()
      for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`)
    }
    const turn: AgentTurn = {
      ...{ input, response, send, headers: request.headers },
      start: () => send({ type: 'RUN_STARTED', threadId, runId }),
      say: (messageId, ...pieces) => send(...said(messageId, ...pieces)),
      finish: more => {
        send({ type: 'RUN_FINISHED', threadId, runId, ...more })
        response.end()
      },
      end: () => {
        head()
        response.end()
      },
      cut: () => void response.socket?.destroy(),
      closed: new Promise(resolve => response.once('close', resolve)),
    }
    turns.push(turn)
    inputs.note(input)
    await script(turn, turns.length)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/run`, inputs, turns }
}

export const said = (messageId: string, ...pieces: string[]): AnyEvent[] => [
  { type: 'TEXT_MESSAGE_START', messageId, role: 'assistant' },
  ...pieces.map(delta => ({ type: 'TEXT_MESSAGE_CONTENT', messageId, delta })),
  { type: 'TEXT_MESSAGE_END', messageId },
]

export const called = (toolCallId: string, toolCallName: string, args: unknown): AnyEvent[] => [
  { type: 'TOOL_CALL_START', toolCallId, toolCallName },
  { type: 'TOOL_CALL_ARGS', toolCallId, delta: JSON.stringify(args) },
  { type: 'TOOL_CALL_END', toolCallId },
]

/** Exported so that scripts can use the library's event type. */
export type { AGUIEvent }
