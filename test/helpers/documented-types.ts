type Ref = { $ref: string }
export type Described = {
  operations: Record<string, { action: string; channel: Ref; messages: Ref[] }>
  channels: Record<string, { messages: Record<string, Ref> }>
  components: { messages: Record<string, { name: string }> }
}
const idOf = ({ $ref }: Ref) => $ref.split('/').pop()!

/** Frame types by channel and action, as listed in an AsyncAPI document. */
export function documentedTypes({ operations, channels, components }: Described): Record<string, Set<string>> {
  const types: Record<string, Set<string>> = {}
  for (const { action, channel, messages } of Object.values(operations)) {
    const channelId = idOf(channel)
    const direction = `${channelId} ${action}`
    types[direction] ??= new Set()
    for (const message of messages) {
      const { name } = components.messages[idOf(channels[channelId]!.messages[idOf(message)]!)]!
      types[direction].add(name)
    }
  }
  return types
}
