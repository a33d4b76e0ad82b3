/**
 * Carries packets between processes, each whole and in order, or not at all. `nats-node-bus.ts` is the one for core NATS;
 * simulations use test/helpers/memory-node-bus.ts.
 */
export interface PacketWire {
  readonly maxPacketBytes: number
  /** Where the process listens that is this node now. */
  nodeAddress(node: string): string
  /** `tag`: names at this process what the packet is about; answers come back with it. Never throws. */
  send(address: string, packet: Uint8Array, tag: string): void
  /** Called once, before anything is sent. */
  listen(listener: PacketListener): void
  close(): void
}

export interface PacketListener {
  /** `tag`: undefined for what was sent to the node. `from`: where answers go. */
  onPacket(tag: string | undefined, packet: Uint8Array, from: string): void
  /** Nobody listened where a packet of this tag was sent to. */
  onNobody(tag: string): void
}
