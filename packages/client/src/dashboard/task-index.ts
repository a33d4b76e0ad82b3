const LIMIT = 10_000

/**
 * Finds the task that an event concerns. The server knows it from its records. An interaction names only its command,
 * whose own events arrive earlier and name the task.
 */
export class TaskIndex {
  readonly #taskOfCommand = new Map<string, string>()

  taskOf(payload: unknown): string | undefined {
    if (typeof payload !== 'object' || payload === null) return undefined
    const { taskId, commandId } = payload as { taskId?: unknown; commandId?: unknown }
    const command = typeof commandId === 'string' ? commandId : undefined
    if (typeof taskId !== 'string') return command === undefined ? undefined : this.#taskOfCommand.get(command)
    if (command !== undefined) this.#learn(command, taskId)
    return taskId
  }

  #learn(commandId: string, taskId: string): void {
    this.#taskOfCommand.delete(commandId)
    this.#taskOfCommand.set(commandId, taskId)
    if (this.#taskOfCommand.size > LIMIT) this.#taskOfCommand.delete(this.#taskOfCommand.keys().next().value as string)
  }
}
