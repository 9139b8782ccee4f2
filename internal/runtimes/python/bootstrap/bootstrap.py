# What /var/lang/bin/python3.x runs. The work is in the package beside this
# file, which Lambent compiles ahead; this one is compiled at every start.
import _lambent as bootstrap

if __name__ == "__main__":
    bootstrap.main()
