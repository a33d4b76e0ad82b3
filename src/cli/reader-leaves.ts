import { exitCodes } from './cli-error.ts'

type Leave = () => Promise<number>

let leave: Leave = async () => 0

/**
 * What to do when nobody reads the output any more (`fleetwire … | head`); returns the exit code. Default: exit with 0
 * at once.
 */
export function whenReaderLeaves(act: Leave): void {
  leave = act
}

/** A reader that went away is not an error to report. */
export function watchStdout(): void {
  let isLeaving = false
  process.stdout.on('error', error => {
    if (isLeaving) return
    isLeaving = true
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') process.exit(exitCodes.failed)
    void leave().then(code => process.exit(code))
  })
}
