// One headless engine with a volume. railway-headless.toml says the same for services that still read such files.
import { defineRailway, preserve, project, service, volume } from "railway/iac";

// Binance answers from here; it does not from the regions in the United States.
const REGION = "europe-west4-drams3a";

export default defineRailway(() => {
  const data = volume("polyterm-data", { region: REGION, sizeMB: 5000 });

  const engine = service("polyterm", {
    build: {
      builder: "RAILPACK",
      // Not .venv: what a build command leaves there does not reach the running container.
      buildCommand: "python -m venv env && env/bin/pip install --no-cache-dir -c constraints.txt .",
    },
    deploy: {
      // exec: a shell in between would keep the signal that ends the engine cleanly.
      startCommand: "exec env/bin/polyterm --headless",
      healthcheckPath: "/health",
      healthcheckTimeout: 300,
      restartPolicyType: "ALWAYS", // the Free and Trial plans only know ON_FAILURE
      overlapSeconds: 0,
      drainingSeconds: 30,
    },
    replicas: { [REGION]: 1 },
    volumeMounts: { "/data": data },
    env: {
      RAILPACK_PYTHON_VERSION: "3.13",
      PORT: "8080",
      POLYTERM_SERVICE__TOKEN: preserve(),
    },
  });

  return project("polyterm", { resources: [engine, data] });
});
