import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { type ObjectStore, Objm, StorageType } from '@nats-io/obj'
import type { NatsConnection } from '@nats-io/transport-node'
import type { CheckpointStore } from '../log/checkpoint-store.ts'

const NAME = /^([0-9a-f]+)\.(\d+)$/

/** Checkpoints in a JetStream object store, beside the stream to which they belong. */
export class NatsCheckpointStore implements CheckpointStore {
  readonly #connection: NatsConnection
  readonly #bucket: string
  readonly #epoch: string
  readonly #replicas: number
  #store: Promise<ObjectStore> | undefined

  constructor(connection: NatsConnection, bucket: string, epoch: string, replicas: number) {
    this.#connection = connection
    this.#bucket = bucket
    this.#epoch = epoch
    this.#replicas = replicas
  }

  async list(): Promise<number[]> {
    const store = await this.#open()
    const positions = (await store.list()).flatMap(({ name, deleted }) => {
      const [, epoch, position] = NAME.exec(name) ?? []
      return epoch === this.#epoch && !deleted ? [Number(position)] : []
    })
    return positions.sort((a, b) => b - a)
  }

  async save(position: number, path: string): Promise<void> {
    const store = await this.#open()
    // The library and Node.js declare the same class separately.
    const content = Readable.toWeb(createReadStream(path)) as unknown as Parameters<ObjectStore['put']>[1]
    await store.put({ name: this.#nameOf(position) }, content)
  }

  async load(position: number, path: string): Promise<void> {
    const store = await this.#open()
    const found = await store.get(this.#nameOf(position))
    if (found === null) throw new Error(`there is no checkpoint at ${position}`)
    await pipeline(Readable.fromWeb(found.data as unknown as ReadableStream), createWriteStream(path, { mode: 0o600 }))
    // Set if the digest does not match what was saved.
    const error = await found.error
    if (error) throw error
  }

  async remove(position: number): Promise<void> {
    const store = await this.#open()
    await store.delete(this.#nameOf(position))
  }

  #nameOf(position: number): string {
    return `${this.#epoch}.${position}`
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= new Objm(this.#connection)
      .create(this.#bucket, { storage: StorageType.File, replicas: this.#replicas })
      .catch(error => {
        this.#store = undefined
        throw error
      })
    return this.#store
  }
}
