// libyaml as Swift sees it. Only Config imports this.
#pragma once
#include <yaml.h>
