/** The kind of a connection: a WebSocket of a dashboard or of an agent, or an event stream over HTTP. */
export type ConnectionKind = 'dashboard' | 'agent' | 'stream'
