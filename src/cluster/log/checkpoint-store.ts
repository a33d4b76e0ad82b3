/**
 * Keeps copies of the replica, each as it is at one position of the stream: with one, what the stream holds up to that
 * position is not needed any more, and a new node need not read it. As durable as the stream.
 */
export interface CheckpointStore {
  /** The positions of whole checkpoints of this stream, newest first, as one server knows them: it may be a moment behind. */
  list(): Promise<number[]>
  /** Keeps a file as the checkpoint of a position; it is listed when all of it is stored. */
  save(position: number, path: string): Promise<void>
  /** Writes the file of a checkpoint, and rejects if what is stored is not what was saved. */
  load(position: number, path: string): Promise<void>
  remove(position: number): Promise<void>
}
