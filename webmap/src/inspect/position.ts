/** Where the phone is, honestly: the last fix with its accuracy, or the reason why there is none. */
export interface Fix {
  lon: number;
  lat: number;
  accuracy_m: number;
  at: number;
}

export class Position extends EventTarget {
  fix: Fix | null = null;
  problem: 'denied' | 'failed' | null = null;
  private watch: number | null = null;

  start(): void {
    if (this.watch !== null) return;
    if (!('geolocation' in navigator)) {
      this.problem = 'failed';
      return;
    }
    this.watch = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => {
        this.fix = { lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy, at: timestamp };
        this.problem = null;
        this.dispatchEvent(new Event('change'));
      },
      (error) => {
        this.problem = error.code === error.PERMISSION_DENIED ? 'denied' : 'failed';
        this.dispatchEvent(new Event('change'));
      },
      { enableHighAccuracy: true, maximumAge: 10_000, timeout: 20_000 },
    );
  }

  stop(): void {
    if (this.watch !== null) navigator.geolocation.clearWatch(this.watch);
    this.watch = null;
  }
}

/** Metres between two places on the sphere (haversine, mean radius 6371008.8 m): good to 0.5 %, enough for "90 m". */
export function metresBetween(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const rad = Math.PI / 180;
  const dLat = (b.lat - a.lat) * rad;
  const dLon = (b.lon - a.lon) * rad;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(h));
}
