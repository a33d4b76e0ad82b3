/**
 * Carries packets between processes, each whole and in order, or not at all. `nats-node-bus.ts` implements it for core
 * NATS; simulations use test/helpers/memory-node-bus.ts.
 */
export interface PacketWire {
  readonly maxPacketBytes: number
  /** The address of the process that is this node now. */
  nodeAddress(node: string): string
  /** `tag`: identifies in this process what the packet belongs to; replies carry it. Never throws. */
  send(address: string, packet: Uint8Array, tag: string): void
  /** Called once, before anything is sent. */
  listen(listener: PacketListener): void
  close(): void
}

export interface PacketListener {
  /** `tag`: undefined if the packet was sent to the node by name. `from`: where replies go. */
  onPacket(tag: string | undefined, packet: Uint8Array, from: string): void
  /** No process listened where a packet with this tag was sent. */
  onNobody(tag: string): void
}
