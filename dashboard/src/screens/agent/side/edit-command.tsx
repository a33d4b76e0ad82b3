import type { Command } from '@fleetwire/protocol'
import { useAction, useCommand, useFleetwireRest } from '@fleetwire/react'
import { useState } from 'react'
import { Button } from '../../../ui/button.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { Field, TextArea } from '../../../ui/field.tsx'
import { inputOf } from '../composer/command-input.ts'

/** Changes the input of a queued command. */
export function EditCommand({ commandId, onClose }: { commandId: string | undefined; onClose(): void }) {
  const live = useCommand(commandId ?? 'skip')
  const command = live.status === 'ready' ? live.data : undefined
  if (commandId === undefined || command === undefined) return null
  return <EditDialog key={commandId} command={command} onClose={onClose} />
}

const textOf = ({ input }: Command): string => (typeof input === 'string' ? input : JSON.stringify(input, null, 2))

function EditDialog({ command, onClose }: { command: Command; onClose(): void }) {
  const rest = useFleetwireRest()
  const [text, setText] = useState(() => textOf(command))
  const save = useAction(() =>
    rest.commands.edit(command.commandId, { input: inputOf(command.kind, text) as Command['input'] }),
  )
  const isQueued = command.status === 'queued'
  const submit = async () => {
    const result = await save.run()
    if (result.ok) onClose()
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Edit a queued command"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            look="filled"
            disabled={!isQueued || save.pending || text.trim() === ''}
            onClick={() => void submit()}
          >
            Save
          </Button>
        </>
      }
    >
      <Field label="Input" error={isQueued ? save.error?.message : 'It is no longer queued, so it cannot be changed.'}>
        <TextArea
          rows={6}
          value={text}
          onChange={event => setText(event.target.value)}
          className="font-mono text-code!"
        />
      </Field>
    </Dialog>
  )
}
