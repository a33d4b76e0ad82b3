export default function ConversationTab(_: {
  agentId: string
  wanted: string | undefined
  onSession(sessionId: string | undefined): void
}) {
  return null
}
