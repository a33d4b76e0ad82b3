import type { ServerPayloads } from '@fleetwire/protocol'
import type { ViewerFrameType, ViewerPort } from '../../src/terminals/viewer-stream.ts'

export type ViewerFrame = { [K in ViewerFrameType]: { type: K; payload: ServerPayloads[K] } }[ViewerFrameType]

/** A viewer's connection that keeps the frames it is sent. */
export class FakeViewer implements ViewerPort {
  readonly id: string
  readonly frames: ViewerFrame[] = []
  readonly #looks = new Set<() => void>()

  constructor(id: string) {
    this.id = id
  }

  send<K extends ViewerFrameType>(type: K, payload: ServerPayloads[K]): void {
    this.frames.push({ type, payload } as ViewerFrame)
    for (const look of [...this.#looks]) look()
  }

  of<K extends ViewerFrameType>(type: K): ServerPayloads[K][] {
    return this.frames.filter(frame => frame.type === type).map(frame => frame.payload as ServerPayloads[K])
  }

  /** Resolves with the frame of this type at index `from`, past or future. */
  next<K extends ViewerFrameType>(type: K, from = 0): Promise<ServerPayloads[K]> {
    return new Promise(resolve => {
      const look = () => {
        const found = this.of(type)[from]
        if (found === undefined) return
        this.#looks.delete(look)
        resolve(found)
      }
      this.#looks.add(look)
      look()
    })
  }

  /** Bytes of output sent, without snapshots. */
  get outputBytes(): number {
    return this.of('terminal:output').reduce((sum, { data, encoding }) => sum + Buffer.byteLength(data, encoding), 0)
  }
}
