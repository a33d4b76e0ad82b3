/**
 * Stores copies of the replica, each as of one position of the stream. With a copy, what the stream holds up to that
 * position is no longer needed, and a new node need not read it. As durable as the stream.
 */
export interface CheckpointStore {
  /** The positions of complete checkpoints of this stream, newest first. The list may be a moment out of date. */
  list(): Promise<number[]>
  /** Stores a file as the checkpoint of a position; it is listed once all of it is stored. */
  save(position: number, path: string): Promise<void>
  /** Writes the file of a checkpoint. Rejects if what is stored is not what was saved. */
  load(position: number, path: string): Promise<void>
  remove(position: number): Promise<void>
}
