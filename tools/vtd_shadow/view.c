// SPDX-License-Identifier: GPL-2.0-only
/*
 * The live view: takes a sample now and then, and shows in the terminal what changed. Serves
 * vtd_shadow_stat.c; calls sample.c and table.c.
 */
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sample.h"
#include "table.h"
#include "view.h"

/**
 * struct view - What is shown
 * @table: Its lines
 * @first: The line at the top, below the title
 * @order: How it is sorted
 * @delay: Seconds between two samples
 */
struct view {
	struct table table;
	size_t first;
	enum order order;
	double delay;
};

static int ended;

static void end(int signal)
{
	(void)signal;
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
}

#define TITLE \
	"vtd_shadow_stat: %zu unit%s, %s, by %s  [q]uit [s]ort [+][-] %.1f s"

static void draw_title(const struct view *view, const struct sample *now,
		       bool rates)
{
	size_t units = 0;

	for (size_t i = 0; i < now->nr_sections; i++)
		units += now->sections[i].kind == UNIT;
	mvprintw(0, 0, TITLE, units, units == 1 ? "" : "s",
		 rates ? "each second" : "in all",
		 table_order_name(view->order), view->delay);
}

static void draw(struct view *view, const struct sample *now, bool rates)
{
	static const attr_t attributes[] = {
		[PLAIN] = A_NORMAL,
		[HEAD] = A_REVERSE,
		[ALARM] = A_BOLD,
	};
	size_t room = LINES > 2 ? LINES - 2 : 0;

	if (view->first + room > view->table.count)
		view->first =
			view->table.count > room ? view->table.count - room : 0;
	erase();
	draw_title(view, now, rates);
	for (size_t i = 0; i < room && view->first + i < view->table.count;
	     i++) {
		const struct line *line = &view->table.lines[view->first + i];

		attrset(attributes[line->mark]);
		mvaddnstr(i + 2, 0, line->text, COLS);
		attrset(A_NORMAL);
	}
	refresh();
}

/* Returns whether the user wants to go on. */
static bool obey(struct view *view, int key)
{
	size_t half = LINES / 2;

	switch (key) {
	case 'q':
		return false;
	case 's':
		view->order = (view->order + 1) % NR_ORDERS;
		break;
	case '+':
		view->delay = view->delay < 30 ? view->delay * 2 : view->delay;
		break;
	case '-':
		view->delay = view->delay > 0.2 ? view->delay / 2 : view->delay;
		break;
	case KEY_DOWN:
	case 'j':
		view->first++;
		break;
	case KEY_UP:
	case 'k':
		view->first -= !!view->first;
		break;
	case KEY_NPAGE:
		view->first += half;
		break;
	case KEY_PPAGE:
		view->first -= view->first < half ? view->first : half;
		break;
	}
	return true;
}

/* Shows one pair of samples until it is time for the next. Returns as obey(). */
static bool show(struct view *view, const struct sample *before,
		 const struct sample *now)
{
	double left;
	int key;

	do {
		table_make(&view->table, before, now, view->order);
		draw(view, now, before);
		table_free(&view->table);
		/* Keys do not put it off */
		left = now->time + view->delay - sample_now();
		timeout(left > 0 ? left * 1000 : 0);
		key = getch();
		if (__atomic_load_n(&ended, __ATOMIC_RELAXED) ||
		    !obey(view, key))
			return false;
	} while (key != ERR);
	return true;
}

static int run(struct view *view, const char *debugfs, pid_t pid, long rounds)
{
	struct sample before = {}, now = {};
	bool have_before = false;
	int rc;

	do {
		rc = sample_take(&now, debugfs, pid);
		if (rc)
			break;
		if (!show(view, have_before ? &before : NULL, &now))
			rounds = 1;
		sample_free(&before);
		before = now;
		now = (struct sample){};
		have_before = true;
	} while (!rounds || --rounds);
	sample_free(&before);
	return rc;
}

/**
 * view_run() - Show what goes on, until the user has had enough
 * @debugfs: Where debugfs is mounted
 * @pid: Process whose units are wanted, or 0
 * @delay: Seconds between two samples
 * @rounds: How many are shown, 0 for no end
 *
 * Return: 0, a negative errno if something cannot be read, or -ENOTTY without a terminal.
 */
int view_run(const char *debugfs, pid_t pid, double delay, long rounds)
{
	struct view view = { .delay = delay };
	SCREEN *screen;
	int rc;

	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -ENOTTY;
	signal(SIGINT, end);
	signal(SIGTERM, end);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	rc = run(&view, debugfs, pid, rounds);
	endwin();
	delscreen(screen);
	return rc;
}
