// Reads a list of objects of the Prometheus operator, and writes for each what is wrong with it, or null.
import { readFileSync } from "node:fs";
import * as models from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

function mistake(object) {
  try {
    new models[object.kind](object).validate();
    return null;
  } catch (error) {
    return error.message;
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(mistake)));
