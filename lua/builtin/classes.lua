-- Single inheritance for alert classes: classes.class(parent) gives a class with new and super.
-- class.new(...) and class:new(...) make an object and call init(...) on it.
local rawget, select, setmetatable, type = rawget, select, setmetatable, type
local classes = {}

-- above is what object.super gives: the methods of class, which work on object. The self that such a
-- method gets is object too, but its super is one class further up, so that each init can call the
-- next one and still writes into object.
local function above(object, class)
  if not class then return nil end
  local proxy = {}
  local self = setmetatable({}, {
    __index = function(_, key)
      if key == "super" then return above(object, rawget(class, "super")) end
      return object[key]
    end,
    __newindex = object,
  })
  return setmetatable(proxy, {
    __index = function(_, key)
      if key == "super" then return above(object, rawget(class, "super")) end
      local value = class[key]
      if type(value) ~= "function" then return value end
      return function(first, ...)
        if first == proxy then first = self end
        return value(first, ...)
      end
    end,
    __newindex = object,
  })
end

function classes.class(parent)
  local class = setmetatable({super = parent}, {__index = parent})
  local object_meta = {
    __index = function(object, key)
      if key == "super" then return above(object, parent) end
      return class[key]
    end,
  }
  function class.new(...)
    local object = setmetatable({}, object_meta)
    if not object.init then return object end
    if (...) == class then object:init(select(2, ...)) else object:init(...) end
    return object
  end
  return class
end

return classes
