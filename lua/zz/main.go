package main
import ("fmt";glua "github.com/yuin/gopher-lua")
func main(){ L:=glua.NewState(); 
for _,s:=range []string{
`local function g(x) return x+1 end function f(a) a = g(a) return a end print(f(1))`,
`function f(a) a = tostring(a) return a end print(f(1))`,
`function f(a,b) b = a .. "x" return b end print(f(1,2))`,
`function f(a,b) b = tostring(b) return b end print(f(1,2))`,
`local fns={} local function bad() local x=42; fns[1]=function() return x end; error("e") end
xpcall(bad,function(e) return e end) local a,b,c,d,e,f,g=1,2,3,4,5,6,7 print(fns[1](),a)
pcall(bad) print(fns[1]())`,
`print(pcall(function() local t=setmetatable({},{__index=function(t,k) return k end}) return t.x end))`,
`local co=coroutine.wrap(function() for i=1,3 do pcall(function() coroutine.yield(i) end) end end) print(co(),co(),co())`,
`local s=0 for i=1,3 do for j=1,3 do if j==2 then goto continue end s=s+j ::continue:: end end print(s)`,
}{ if err:=L.DoString(s);err!=nil{fmt.Println("ERR",err)}}}
