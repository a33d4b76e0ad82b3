import { Loading, SkeletonLine } from '../../ui/states.tsx'

const CARDS = Array.from({ length: 12 }, (_, index) => index)

export function FleetSkeleton() {
  return (
    <Loading label="Loading the fleet">
      <div className="px-5 pt-5">
        <SkeletonLine className="mb-4 w-24" />
        <div className="grid grid-cols-[repeat(auto-fill,minmax(272px,1fr))] gap-3">
          {CARDS.map(card => (
            <div key={card} className="flex h-[116px] flex-col gap-3 rounded-card border border-line bg-card p-3">
              <SkeletonLine className="w-1/3" />
              <SkeletonLine className="w-2/3" />
              <SkeletonLine className="w-5/6" />
              <SkeletonLine className="mt-auto w-1/4" />
            </div>
          ))}
        </div>
      </div>
    </Loading>
  )
}
