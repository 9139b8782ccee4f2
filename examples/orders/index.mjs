// Adds up a table of orders by customer, to the cent.
import Big from "big.js";
import Papa from "papaparse";

let invocations = 0;

export const handler = async (event) => {
  invocations += 1;
  const { data, errors } = Papa.parse(event.csv.trim(), { header: true });
  if (errors.length > 0) {
    throw new Error(`row ${errors[0].row}: ${errors[0].message}`);
  }
  const totals = {};
  for (const { customer, price, quantity } of data) {
    totals[customer] = new Big(totals[customer] ?? 0).plus(new Big(price).times(quantity)).toFixed(2);
  }
  console.log(`${data.length} orders of ${Object.keys(totals).length} customers`);
  return { rows: data.length, totals, invocations };
};
