/** What a connection is for: a WebSocket of a dashboard or of an agent, or a stream of events over HTTP. */
export type ConnectionKind = 'dashboard' | 'agent' | 'stream'
