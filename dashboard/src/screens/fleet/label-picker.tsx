import { useAgentFacets } from '@fleetwire/react'
import { Plus, X } from 'lucide-react'
import { Button, IconButton } from '../../ui/button.tsx'
import { Select } from '../../ui/select.tsx'

type Pair = readonly [name: string, value: string]

/** Picks labels that agents must all have. Each name is offered once: two values for it would match nothing. */
export function LabelPicker({
  labels,
  onChange,
}: {
  labels: readonly Pair[]
  onChange(labels: readonly Pair[]): void
}) {
  const facets = useAgentFacets()
  const all = facets.status === 'ready' ? facets.data.labels : new Map<string, readonly string[]>()
  if (facets.status === 'ready' && all.size === 0) {
    return <p className="w-full text-text2">No agent has labels. Set them with “agent exec --label team=web”.</p>
  }
  const taken = new Set(labels.map(([name]) => name))
  const put = (at: number, pair: Pair) => onChange(labels.map((old, index) => (index === at ? pair : old)))
  return (
    <div className="flex w-full flex-col gap-2">
      {labels.map(([name, value], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row has no identity other than its position
        <div key={at} className="flex items-center gap-2">
          <Select
            label="Label"
            value={name}
            onChange={next => put(at, [next, all.get(next)?.[0] ?? ''])}
            choices={[
              ...(name === '' ? [{ value: '', label: 'Choose a label' }] : []),
              ...[...all.keys()]
                .filter(key => key === name || !taken.has(key))
                .map(key => ({ value: key, label: key })),
            ]}
            className="min-w-36"
          />
          {name !== '' && (
            <>
              <span className="text-text3">=</span>
              <Select
                label={`Value of ${name}`}
                value={value}
                onChange={next => put(at, [name, next])}
                choices={(all.get(name) ?? []).map(key => ({ value: key, label: key }))}
                className="min-w-36"
              />
            </>
          )}
          {labels.length > 1 && (
            <IconButton label="Remove this label" onClick={() => onChange(labels.filter((_, index) => index !== at))}>
              <X size={14} aria-hidden />
            </IconButton>
          )}
        </div>
      ))}
      {labels.at(-1)?.[0] !== '' && taken.size < all.size && (
        <Button
          look="quiet"
          icon={<Plus size={14} aria-hidden />}
          className="self-start"
          onClick={() => onChange([...labels, ['', '']])}
        >
          Add another label
        </Button>
      )}
    </div>
  )
}
