import {
  type AgentRequestMethod,
  type AgentRequestParamsByMethod,
  type ClientConnection,
  type ClientRequestHandlersByMethod,
  client,
  type InitializeResponse,
  methods,
  PROTOCOL_VERSION,
  RequestError,
  type SessionNotification,
  type Stream,
} from '@agentclientprotocol/sdk'
import { AcpError } from './acp-error.ts'

type Answers = {
  [M in keyof ClientRequestHandlersByMethod]: (
    params: Parameters<ClientRequestHandlersByMethod[M]>[0]['params'],
    signal: AbortSignal,
  ) => Promise<Awaited<ReturnType<ClientRequestHandlersByMethod[M]>>>
}

export interface PeerOptions {
  version: string
  /** In the order in which they came, each before whatever came after it. */
  onUpdate(notification: SessionNotification): void
  /** Answers the program's requests; an AcpError becomes the error of its request. Others are not offered. */
  answers: Partial<Answers>
}

/** The program at the other end of a stream of messages. */
export class AcpPeer {
  readonly #connection: ClientConnection
  readonly #options: PeerOptions

  constructor(stream: Stream, options: PeerOptions) {
    this.#options = options
    const app = client({ name: 'fleetwire' })
    // First: the library hands a message to one handler after the other, so a later one would see it later than the
    // request that came after it.
    app.onNotification(methods.client.session.update, ({ params }) => options.onUpdate(params))
    for (const [method, answer] of Object.entries(options.answers)) {
      const handler = ({ params, signal }: { params: never; signal: AbortSignal }) =>
        (answer(params, signal) as Promise<unknown>).catch(asRequestError)
      app.onRequest(method as keyof Answers, handler as never)
    }
    // Extensions of the protocol may be ignored, unless they are requests: those get "method not found".
    app.onNotification('*', () => {})
    this.#connection = app.connect(stream)
  }

  /** Aborts when nothing more comes from the program. */
  get gone(): AbortSignal {
    return this.#connection.signal
  }

  /** Throws if the program does not speak this version of the protocol. */
  async initialize(): Promise<InitializeResponse> {
    const { answers, version } = this.#options
    const response = await this.request('initialize', {
      protocolVersion: PROTOCOL_VERSION,
      clientInfo: { name: 'fleetwire', title: 'Fleetwire', version },
      clientCapabilities: {
        fs: { readTextFile: 'fs/read_text_file' in answers, writeTextFile: 'fs/write_text_file' in answers },
        terminal: 'terminal/create' in answers,
        ...('elicitation/create' in answers && { elicitation: { form: {} } }),
      },
    })
    if (response?.protocolVersion !== PROTOCOL_VERSION)
      throw new Error(
        `it speaks version ${JSON.stringify(response?.protocolVersion)} of the Agent Client Protocol, and not ${PROTOCOL_VERSION}`,
      )
    return response
  }

  /** Rejects with what the program says, or when it is gone. */
  async request<M extends AgentRequestMethod>(method: M, params: AgentRequestParamsByMethod[M]) {
    const response = await this.#connection.agent.request(method, params)
    // An update that came before the response is handled after some steps of promises, and so before this.
    await new Promise(resolve => setImmediate(resolve))
    return response
  }

  /** Asks the program to end the turn of a session. */
  cancel(sessionId: string): void {
    this.#connection.agent.notify(methods.agent.session.cancel, { sessionId }).catch(() => {})
  }

  close(): void {
    this.#connection.close()
  }
}

function asRequestError(error: unknown): never {
  throw error instanceof AcpError ? new RequestError(error.code, error.message) : error
}
