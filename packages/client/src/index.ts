export type { AgentTerminal, AgentTerminalOptions } from './agent/agent-terminal.ts'
export type { CommandHandler, CommandRun } from './agent/command-run.ts'
export type { InteractionAnswer } from './agent/questions.ts'
export type { RunMessage, RunMessageOptions } from './agent/run-message.ts'
export type { RunToolCall, RunToolCallOptions } from './agent/run-tool-call.ts'
export type { ReportType } from './agent/run-writer.ts'
export * from './agent-client.ts'
export { type Clock, systemClock, type Timer } from './clock.ts'
export type { ConnectionStatus, TokenSource } from './connection.ts'
export type { DashboardTerminal, TerminalViewOptions } from './dashboard/dashboard-terminal.ts'
export type { EventStream, EventStreamOptions, StreamItem } from './dashboard/event-stream.ts'
export type {
  DashboardEvent,
  DashboardEventType,
  EventOf,
  SnapshotRecord,
  SubscribeOptions,
  SubscriptionHandlers,
} from './dashboard/subscriptions.ts'
export * from './dashboard-client.ts'
export { type FaultCode, FleetwireError, type LocalError, type LocalErrorCode, type RequestResult } from './errors.ts'
export * from './journal.ts'
export type { Log } from './log.ts'
export * from './message-buffer.ts'
export type { Observable } from './observable.ts'
export { defaultPolicy, type ReconnectPolicy } from './reconnect.ts'
export type { RequestOptions } from './requests.ts'
export {
  browserSocket,
  httpUrl,
  type SocketClose,
  type SocketEvents,
  type SocketFactory,
  type SocketPort,
} from './socket.ts'
export * from './terminal-buffer.ts'
export { tokenExpiry } from './token-expiry.ts'
export { pageWakeUps, type WakeUps } from './wake-ups.ts'
