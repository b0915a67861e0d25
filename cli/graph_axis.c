/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_axis.h"

#include <math.h>
#include <stdio.h>

struct unit {
	double scale;
	const char *name;
};

/* Of each quantity from the largest to the smallest; the last takes all that is less. */
static const struct unit units[][5] = {
	[QUANTITY_TIME] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" }, { 0, NULL } },
	[QUANTITY_BYTES] = { { 1e9, "GB" }, { 1e6, "MB" }, { 1e3, "kB" }, { 1, "B" }, { 0, NULL } },
	[QUANTITY_RATE] = { { 1e9, "Gbit/s" },
			    { 1e6, "Mbit/s" },
			    { 1e3, "kbit/s" },
			    { 1, "bit/s" },
			    { 0, NULL } },
};

static const struct unit *unit_for(double size, enum graph_quantity quantity)
{
	const struct unit *unit = units[quantity];

	while (size < unit->scale && unit[1].name)
		unit++;
	return unit;
}

double graph_nice_step(double range, uint32_t ticks)
{
	double rough, power, digit;

	if (!isfinite(range) || range <= 0 || ticks == 0)
		return 1;
	rough = range / ticks;
	power = pow(10, floor(log10(rough)));
	digit = rough / power;
	/* A hair of tolerance: 0.2 / 1 shall not become 0.5 for the last bit of a division. */
	if (digit <= 1 + 1e-9)
		return power;
	if (digit <= 2 + 1e-9)
		return 2 * power;
	return (digit <= 5 + 1e-9 ? 5 : 10) * power;
}

static void place_ticks(struct graph_axis *axis, uint32_t ticks, enum graph_quantity quantity)
{
	const struct unit *unit = unit_for(fmax(fabs(axis->low), fabs(axis->high)), quantity);
	double count;

	axis->step = graph_nice_step(axis->high - axis->low, ticks);
	/* There are no parts of bytes. */
	if (quantity == QUANTITY_BYTES && axis->step < 1)
		axis->step = 1;
	axis->first = ceil(axis->low / axis->step - 1e-9) * axis->step;
	count = floor((axis->high - axis->first) / axis->step + 1e-9) + 1;
	axis->ticks = count > 0 && count <= GRAPH_TICKS_MAX ? (uint32_t)count : 0;
	axis->scale = unit->scale;
	axis->unit = unit->name;
	axis->decimals = (int)fmax(0, -floor(log10(axis->step / axis->scale) + 1e-9));
}

void graph_axis_make(struct graph_axis *axis, double low, double high, uint32_t ticks,
		     enum graph_quantity quantity)
{
	/* Largest numbers whose differences are exact enough; no log needs more. */
	low = isfinite(low) ? fmin(fmax(low, -1e18), 1e18) : 0;
	high = isfinite(high) ? fmin(fmax(high, -1e18), 1e18) : low;
	if (high - low < fmax(fabs(low), fabs(high)) * 1e-9 || high <= low)
		high = low + fmax(1, fabs(low) * 1e-6);
	*axis = (struct graph_axis){ .low = low, .high = high };
	place_ticks(axis, ticks, quantity);
}

void graph_axis_round(struct graph_axis *axis, uint32_t ticks, enum graph_quantity quantity)
{
	axis->low = floor(axis->low / axis->step + 1e-9) * axis->step;
	axis->high = ceil(axis->high / axis->step - 1e-9) * axis->step;
	place_ticks(axis, ticks, quantity);
}

double graph_axis_tick(const struct graph_axis *axis, uint32_t number)
{
	return axis->first + number * axis->step;
}

void graph_axis_text(const struct graph_axis *axis, uint32_t number, char out[GRAPH_TICK_TEXT_MAX])
{
	double value = graph_axis_tick(axis, number) / axis->scale;

	/* No "-0". */
	if (fabs(value) < axis->step / axis->scale * 1e-6)
		value = 0;
	snprintf(out, GRAPH_TICK_TEXT_MAX, "%.*f", axis->decimals, value);
}

void graph_quantity_text(double value, enum graph_quantity quantity, char *out, size_t bytes)
{
	const struct unit *unit = unit_for(fabs(value), quantity);
	double number = value / unit->scale;

	/* Three digits, as many as say something. */
	if (fabs(number) < 1000)
		snprintf(out, bytes, "%.3g %s", number, unit->name);
	else
		snprintf(out, bytes, "%.0f %s", number, unit->name);
}
