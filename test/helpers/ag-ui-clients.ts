import * as modern from '@ag-ui/client'
import * as old from 'ag-ui-client-0'
import { type AgUiEvent, forOldClients } from '../../src/ag-ui/ag-ui-event.ts'

export interface Client {
  messages: readonly { id: string; role: string; content?: unknown; toolCalls?: unknown }[]
  state: unknown
  /** Rejects if the client rejects the stream. */
  take(events: readonly AgUiEvent[], answers: readonly string[]): Promise<void>
}

/** The whole pipeline of a client library: schema, chunks, order, reduction. */
function clientOf(library: typeof modern): Client {
  let events: readonly AgUiEvent[] = []
  class Fed extends library.AbstractAgent {
    run() {
      // Observables must come from the client's own copy of the library.
      return library.transformHttpEventStream(
        library.runHttpRequest(async () => {
          const body = events.map(event => `data: ${JSON.stringify(event)}\n\n`).join('')
          return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
        }),
      )
    }
  }
  const agent = new Fed({ threadId: 's' })
  return {
    get messages() {
      return agent.messages as Client['messages']
    },
    get state() {
      return agent.state
    },
    async take(given, answers) {
      events = given
      await agent.runAgent({ resume: answers.map(interruptId => ({ interruptId, status: 'resolved' as const })) })
    },
  }
}

export const generations = [
  { name: '1.0', client: () => clientOf(modern), adapt: (event: AgUiEvent) => event },
  { name: '0.0.59', client: () => clientOf(old as unknown as typeof modern), adapt: forOldClients },
]

export async function quietly(work: () => Promise<void>): Promise<void> {
  const { warn, error } = console
  console.warn = () => {}
  console.error = () => {}
  try {
    await work()
  } finally {
    Object.assign(console, { warn, error })
  }
}
