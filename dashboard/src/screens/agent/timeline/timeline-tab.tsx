export default function TimelineTab(_: { agentId: string }) {
  return null
}
