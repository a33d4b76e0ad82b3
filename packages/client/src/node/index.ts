import { type AgentClientOptions, AgentClient as AnyAgentClient } from '../agent-client.ts'
import { DashboardClient as AnyDashboardClient, type DashboardClientOptions } from '../dashboard-client.ts'
import { nodeSocket } from './node-socket.ts'

export * from '../index.ts'
export { FileJournal, type FileJournalOptions } from './file-journal.ts'
export { nodeSocket } from './node-socket.ts'

/** As in the browser, over `ws` unless another socket is given. */
export class AgentClient extends AnyAgentClient {
  constructor(options: AgentClientOptions) {
    super({ socket: nodeSocket, ...options })
  }
}

/** As in the browser, over `ws` unless another socket is given. */
export class DashboardClient extends AnyDashboardClient {
  constructor(options: DashboardClientOptions) {
    super({ socket: nodeSocket, ...options })
  }
}
