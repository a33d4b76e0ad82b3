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
  /** Called in the order of arrival, before any message that arrived later is handled. */
  onUpdate(notification: SessionNotification): void
  /** Handlers of the program's requests. An AcpError becomes the error response. Other methods are not offered. */
  answers: Partial<Answers>
}

/** The program at the other end of a message stream. */
export class AcpPeer {
  readonly #connection: ClientConnection
  readonly #options: PeerOptions

  constructor(stream: Stream, options: PeerOptions) {
    this.#options = options
    const app = client({ name: 'fleetwire' })
    // Registered first: the library tries handlers one after another, asynchronously. A later handler could see an
    // update only after the request that followed it.
    app.onNotification(methods.client.session.update, ({ params }) => options.onUpdate(params))
    for (const [method, answer] of Object.entries(options.answers)) {
      const handler = ({ params, signal }: { params: never; signal: AbortSignal }) =>
        (answer(params, signal) as Promise<unknown>).catch(asRequestError)
      app.onRequest(method as keyof Answers, handler as never)
    }
    // Notifications of protocol extensions may be ignored. Requests get "method not found".
    app.onNotification('*', () => {})
    this.#connection = app.connect(stream)
  }

  /** Aborts when the program can send nothing more. */
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
        `it speaks version ${JSON.stringify(response?.protocolVersion)} of the Agent Client Protocol, not ${PROTOCOL_VERSION}`,
      )
    return response
  }

  /** Rejects with the program's error response, or when the program is gone. */
  async request<M extends AgentRequestMethod>(method: M, params: AgentRequestParamsByMethod[M]) {
    const response = await this.#connection.agent.request(method, params)
    // An update that arrived before the response is handled within a few microtasks, so before this.
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
