import { Link } from '@tanstack/react-router'
import { ConnectionIndicator } from './connection-indicator.tsx'
import { places, usePlaceCounts } from './navigation.tsx'

/** On a phone: the five places at the bottom, and the connection state while it is not live. */
export function BottomBar() {
  const counts = usePlaceCounts()
  const open = counts['/needs-you'] ?? 0
  return (
    <div className="shrink-0 border-t border-line bg-card pb-[env(safe-area-inset-bottom)]">
      <div className="has-[[data-state=online]]:sr-only">
        <ConnectionIndicator />
      </div>
      <nav aria-label="Main" className="flex">
        {places.map(place => (
          <Link
            key={place.to}
            to={place.to}
            activeOptions={{ exact: place.to === '/', includeSearch: false }}
            activeProps={{ className: 'text-text!' }}
            className="relative flex h-14 flex-1 flex-col items-center justify-center gap-1 text-[11px] leading-3 text-text3"
          >
            <place.icon size={18} aria-hidden />
            {place.label}
            {place.to === '/needs-you' && open > 0 && (
              <span
                aria-hidden
                className="absolute top-1.5 left-1/2 ml-1.5 rounded-full bg-needs-soft px-1.5 font-semibold text-needs"
              >
                {open}
              </span>
            )}
          </Link>
        ))}
      </nav>
    </div>
  )
}
